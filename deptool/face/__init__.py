"""Face geometry shared by extractors: landmarks, head pose, gaze, action units."""
