"""The two languages of holders: their texts, and how each writes amounts, dates and numbers."""
