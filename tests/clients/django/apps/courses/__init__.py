"""Courses, quizzes and payments."""
