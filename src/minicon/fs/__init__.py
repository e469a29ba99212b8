"""Every change of the file system goes through here, so that it can be made durable and tested."""
