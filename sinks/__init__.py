"""The store: its tables, the writer that fills them to the unit, and the service that answers questions."""
