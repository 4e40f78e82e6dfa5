"""What deploys, rollbacks and drills do, on every host alike. host.py is the host of this project."""
