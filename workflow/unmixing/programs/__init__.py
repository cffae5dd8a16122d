"""What rules and the command line call: one short module for each program, wiring only."""
