"""One file per subcommand: read, compute, show. Heavy imports stand inside the bodies, so that --help is quick."""
