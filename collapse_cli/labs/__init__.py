"""Experiments without images: deep linear networks, and GANs on a ring or a grid of Gaussians."""
