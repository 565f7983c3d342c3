"""An index of the attempts that were cancelled before they arrived.

Revision ID: 0010
Revises: 0009
Create Date: 2026-11-30 11:05:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None


def upgrade():
    op.create_index('ix_act_cancel', 'act', ['id'], unique=False, sqlite_where=sa.text("kind = 'cancel'"), postgresql_where=sa.text("kind = 'cancel'"))


def downgrade():
    op.drop_index('ix_act_cancel', table_name='act')
