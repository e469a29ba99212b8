"""Lock files: made, checked, merged, and turned into solutions."""
