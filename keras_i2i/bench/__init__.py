"""How fast it is: `keras-i2i bench`, side by side with plain PyTorch."""
