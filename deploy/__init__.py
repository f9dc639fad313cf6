"""Where the parts are put together and run: the command line, settings, the embedded broker, the local system."""
