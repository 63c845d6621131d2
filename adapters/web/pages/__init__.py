"""The pages of holders: one file for each thing that a holder does."""
