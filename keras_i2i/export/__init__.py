"""Models in the formats of servers and devices, one module a format."""
