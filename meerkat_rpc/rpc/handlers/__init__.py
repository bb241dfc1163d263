"""One short function a method, no logic: parameters in, a call of the service, a wire value out."""
