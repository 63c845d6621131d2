"""Read models: each file is one table, how facts change its rows, and its queries."""
