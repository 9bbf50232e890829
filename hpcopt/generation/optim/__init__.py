"""The search for the point of largest acquisition value, under constraints."""
