from golden.cli import main

from .cli import main as command

main(command)
