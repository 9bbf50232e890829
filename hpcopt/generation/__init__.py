"""Generation proposes parameterizations. The only owner of torch and botorch."""
