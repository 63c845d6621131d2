"""Why a card was charged or not, suspended, reclaimed, refunded: answers from the stored facts alone."""
