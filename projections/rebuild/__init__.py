"""Read models made anew beside the live ones, compared with them, and put in their place while all goes on.

Run by the owner of the tables: `building` fills them, `comparing` and `switching` say what the names say.
"""
