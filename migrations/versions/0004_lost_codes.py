"""Lost codes: of which coupons a restore has lost the printed short code.

Revision ID: 0004
Revises: 0003
Create Date: 2026-11-30 02:30:00+00:00

"""
from alembic import op
import sqlalchemy as sa


revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('coupon', sa.Column('code_is_lost', sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade():
    op.drop_column('coupon', 'code_is_lost')
