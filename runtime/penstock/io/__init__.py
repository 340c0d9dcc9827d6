"""Readers and writers of data outside the pipeline: files, object stores, databases. Method names are Mage's."""
