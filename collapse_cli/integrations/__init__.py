"""What other libraries' training loops need in order to have a monitor of collapse. Nothing here is imported unasked."""
