"""One module per figure: each turns tidy rows into a matplotlib figure, which `style` puts on disk."""
