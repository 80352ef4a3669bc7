"""What people may ask."""
