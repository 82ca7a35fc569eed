"""Sparse pillar convolution: from a LiDAR frame to the integers of every layer."""
