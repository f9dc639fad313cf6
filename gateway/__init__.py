"""The way out: alerts over WebSocket and REST, and the board that people watch."""
