"""From an input to an answer, for commands and for Python alike. Nothing here prints or knows an option."""
