"""The dashboard: headquarters' view of every office as a local page, served with HQ's own credentials."""
