"""The world: adapters open the doors in ports.py. They translate and decide nothing."""
