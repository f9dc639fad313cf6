"""From an envelope to clean lines and cells: identity, taxonomy, units, price relatives."""
