"""What environment files, explicit lists and lock files hold, as values."""
