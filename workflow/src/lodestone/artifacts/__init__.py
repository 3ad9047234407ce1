"""HDF5 artifacts: schema, read, write, validate; the only code that opens HDF5."""
