"""Crystal structures: readers, checks, prototypes, duplicates, cells."""
