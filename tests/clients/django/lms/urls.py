"""Routes of the learning platform."""

from django.urls import path

from apps.core import views as core
from apps.courses import views

urlpatterns = [
    path("health/", core.health_check),
    path("api/v1/courses/", views.courses),
    path("api/v1/courses/<int:course_id>/", views.course),
    path("api/v1/courses/<int:course_id>/enroll/", views.enroll),
    path("api/v1/quizzes/<int:quiz_id>/attempts/", views.attempt),
    path("api/v1/reports/", views.report),
    path("api/v1/exports/", views.export),
    path("api/v1/admin/", views.admin),
    path("api/v1/payments/", views.pay),
    path("api/v1/slow/", views.slow),
]
