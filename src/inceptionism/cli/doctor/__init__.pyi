from .command import add_doctor_command

__all__ = [
    "add_doctor_command",
]
