"""What is true of a card and what follows from it: synchronous, and free of broker, web and gateway words."""
