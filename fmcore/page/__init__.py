"""The interactive page: one bundle, or two beside each other, as a single HTML file that needs nothing else."""
