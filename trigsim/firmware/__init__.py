"""HLS projects, C simulation, RTL, synthesis, latency and resources."""
