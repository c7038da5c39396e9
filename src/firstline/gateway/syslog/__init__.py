"""Syslog by UDP, TCP and TLS into the inbox, through the same commits as everything else."""
