"""The checklist of a release. `make release-check` carries it out up to the upload."""
