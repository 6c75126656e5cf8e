"""The equations. Pure JAX: reads no file, prints nothing, knows no YAML and no xarray. Begin with week.py."""
