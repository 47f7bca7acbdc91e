"""Turn a trained CNN into a proved lesson about feature maps."""

__version__ = "0.1.0"
