"""Write archives: tar and zip, compressed with all cores."""
