"""`python -m fleet`."""

from fleet.app import main

if __name__ == "__main__":
    main()
