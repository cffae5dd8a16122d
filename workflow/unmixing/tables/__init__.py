"""One module per table: each turns tidy rows into a `Table`, which `writing` puts on disk in five formats."""
