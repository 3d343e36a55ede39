-- Live notifications waiting in the template, and who was looking at it.
DELETE FROM bus_bus;
DELETE FROM bus_presence;
