"""The lab: everything that works on recorded or simulated counts. It calls the live code and never the other way round."""
