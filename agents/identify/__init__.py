"""From what a till says of an article to its commodity: a chain of keys, each with its method and its confidence."""
