"""What holders have paid: found for its holder, and printed as a receipt."""
