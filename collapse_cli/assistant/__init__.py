"""What an assistant may ask of collapse over MCP: tools that measure behind a fence, write nothing, and answer in 8 kB."""
