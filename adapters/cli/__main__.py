"""`python -m adapters.cli` is `baohao`."""

from adapters.cli import main

if __name__ == "__main__":
    main()
