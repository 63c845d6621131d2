"""Why a card was charged or was not, suspended, reclaimed, refunded: answers from the stored facts alone."""
