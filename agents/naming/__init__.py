"""From an item's name to its commodity, brand and net content: lexicons, a small n-gram model, and how sure that is."""
