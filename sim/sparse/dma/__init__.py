"""The DMA under random traffic, with a memory behind it that knows which bursts may come."""
